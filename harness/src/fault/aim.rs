//! From a fault that is aimed at targets to one that befalls nodes.
//!
//! What a fault names it names as in its file, whatever its kind: one target, or a list of them. So this goes by the file's
//! form, and by no list of kinds.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Fault, FaultError, Place, Role, Target};

/// Places that no cluster has, to stand for whoever has a role: for checks that depend on no node.
const SAMPLES_FROM: usize = 1 << 20;

impl<N: Serialize> Fault<N> {
    /// What it is called in a plan.
    pub fn shape(&self) -> String {
        let value = serde_json::to_value(self).expect("a fault can be written");
        value["fault"].as_str().expect("a fault has its name").to_owned()
    }

    /// The fault with others in the place of each that it names: one, or, of a list, any number. `None` if it needs one and
    /// there is none.
    fn renamed<M: DeserializeOwned>(&self, others: &mut dyn FnMut(Target) -> Vec<Target>) -> Option<Fault<M>> {
        let mut value = serde_json::to_value(self).expect("a fault can be written");
        let fields = value.as_object_mut().expect("a fault has fields");
        for (_, field) in fields.iter_mut().filter(|(name, _)| *name != "fault") {
            let target = |value: &Value| value.as_str().and_then(Target::from_name);
            if let Value::Array(items) = field {
                let named: Vec<Target> = items.iter().filter_map(target).collect();
                if named.is_empty() {
                    continue; // It names no nodes, but something else.
                }
                let mut renamed: Vec<Target> = Vec::new();
                for other in named.iter().flat_map(|named| others(*named)) {
                    if !renamed.contains(&other) {
                        renamed.push(other);
                    }
                }
                if renamed.is_empty() {
                    return None;
                }
                *items = renamed.iter().map(|target| target.to_string().into()).collect();
            } else if let Some(named) = target(field) {
                *field = others(named).first()?.to_string().into();
            }
        }
        serde_json::from_value(value).ok()
    }
}

impl<N: Serialize + DeserializeOwned> Fault<N> {
    /// The fault with its nodes moved; `None` if it needs one that is gone. Roles are left as they are.
    pub fn moved(&self, moved: &dyn Fn(Place) -> Option<Place>) -> Option<Fault<N>> {
        self.renamed(&mut |target| match target {
            Target::Node(place) => moved(place).map(Target::Node).into_iter().collect(),
            Target::Role(_) => vec![target],
        })
    }
}

impl From<Fault> for Fault<Target> {
    fn from(fault: Fault) -> Fault<Target> {
        let aimed = fault.renamed(&mut |target| vec![target]);
        aimed.expect("nobody is left out")
    }
}

impl Fault<Target> {
    /// The roles that it is aimed at.
    pub fn roles(&self) -> Vec<Role> {
        let role = |target| match target {
            Target::Role(role) => Some(role),
            Target::Node(_) => None,
        };
        self.nodes().into_iter().filter_map(role).collect()
    }

    /// The nodes that it names, whoever has its roles.
    pub fn places(&self) -> Vec<Place> {
        let place = |target| match target {
            Target::Node(place) => Some(place),
            Target::Role(_) => None,
        };
        self.nodes().into_iter().filter_map(place).collect()
    }

    /// The fault itself, if it names nodes alone.
    pub fn fixed(&self) -> Option<Fault> {
        if !self.roles().is_empty() {
            return None;
        }
        self.befalling(&mut |_| Vec::new())
    }

    /// What it is, once it is known who has each role; `None` if nobody has one that it needs.
    pub fn befalling(&self, holders: &mut dyn FnMut(Role) -> Vec<Place>) -> Option<Fault> {
        self.renamed(&mut |target| match target {
            Target::Node(_) => vec![target],
            Target::Role(role) => holders(role).into_iter().map(Target::Node).collect(),
        })
    }

    /// Checks what the types can't say, whoever has its roles.
    ///
    /// # Errors
    /// [`FaultError`] with the first thing that can't be.
    pub fn validate(&self) -> Result<(), FaultError> {
        let mut next = SAMPLES_FROM;
        let mut sample = |role: Role| {
            let count = if role.is_of_several() { 2 } else { 1 };
            next += count;
            Place::all(next).skip(next - count).collect()
        };
        if let Some(role) = self.lone_roles().into_iter().find(|role| role.is_of_several()) {
            return Err(FaultError::Several(role));
        }
        match self.befalling(&mut sample) {
            Some(fault) => fault.validate(),
            None => Err(FaultError::Nobody("it")),
        }
    }

    /// Those of its roles that have to be of one node.
    fn lone_roles(&self) -> Vec<Role> {
        let value = serde_json::to_value(self).expect("a fault can be written");
        let fields = value.as_object().expect("a fault has fields").iter();
        let texts = fields
            .filter(|(name, _)| *name != "fault")
            .filter_map(|(_, field)| field.as_str());
        texts.filter_map(Role::from_name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlannedFault;

    fn aimed(fields: &str) -> Fault<Target> {
        let text = format!("at = \"1s\"\nlasts = \"1s\"\n{}", fields.replace("; ", "\n"));
        toml::from_str::<PlannedFault>(&text).expect(fields).fault
    }

    #[test]
    fn a_role_becomes_the_nodes_that_have_it_and_none_twice() {
        let halves = aimed(r#"fault = "halves"; side = ["n1", "owners:k3"]"#);
        assert_eq!(halves.fixed(), None);
        let hit = halves.befalling(&mut |_| vec![Place(3), Place(0)]);
        let side = vec![Place(0), Place(3)];
        assert_eq!(hit, Some(Fault::Halves { side }));
        let hit = hit.expect("it is");
        assert_eq!(Fault::<Target>::from(hit.clone()).fixed(), Some(hit));
    }

    #[test]
    fn where_nobody_has_the_role_there_is_no_fault() {
        let isolate = aimed(r#"fault = "isolate"; node = "hint-holder""#);
        assert_eq!(isolate.befalling(&mut |_| Vec::new()), None);
        assert_eq!(isolate.to_string(), "hint-holder isolated");
    }

    #[test]
    fn what_can_be_is_told_without_the_nodes() {
        let valid = |fields: &str| aimed(fields).validate().map_err(|error| error.to_string());
        assert_eq!(
            valid(r#"fault = "lossy-links"; from = ["owner:k1"]; to = ["owner:k1:2"]; percent = 3"#),
            Ok(())
        );
        let several = valid(r#"fault = "isolate"; node = "minority""#).expect_err("one is isolated");
        assert_eq!(several, "minority can be several nodes, and it takes one");
        let none = valid(r#"fault = "kill"; nodes = []"#).expect_err("nobody");
        assert_eq!(none, "nodes names no node");
    }
}
