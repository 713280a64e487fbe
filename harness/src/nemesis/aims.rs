//! Who has a role when a fault strikes: asked of the nodes, as an administrator would, and of the load.

use quorate_core::{AdminOk, AdminRequest, Standing};
use rand::seq::IndexedRandom;

use super::Nemesis;
use crate::{
    cluster::Cluster,
    fault::{KeyName, Place, Role},
    load::Load,
    operations::key_name,
    plan::{self, PlannedFault},
};

impl Nemesis {
    /// Finds out whom a planned fault befalls: of a run that is replayed, whom it has befallen.
    pub(super) async fn take_aim(&mut self, planned: &mut PlannedFault, load: &Load, cluster: &mut impl Cluster) {
        let mut found = Vec::new();
        for role in planned.fault.roles() {
            // The nodes are asked in a replay as well: it has to be the same run.
            found.push((role, self.holders(role, load, cluster).await));
        }
        if planned.hit.is_none() {
            planned.hit = planned.fault.befalling(&mut |role| {
                let holders = found.iter().find(|(found, _)| *found == role);
                holders.map(|(_, holders)| holders.clone()).unwrap_or_default()
            });
        }
    }

    async fn holders(&mut self, role: Role, load: &Load, cluster: &mut impl Cluster) -> Vec<Place> {
        match role {
            Role::Owner(key, place) => {
                let owners = self.owners(key, load, cluster).await;
                owners.into_iter().skip(usize::from(place) - 1).take(1).collect()
            }
            Role::Owners(key) => self.owners(key, load, cluster).await,
            Role::Stranger(key, which) => {
                let owners = self.owners(key, load, cluster).await;
                let mut strangers = self.members.placed();
                strangers.retain(|place| !owners.contains(place));
                match which {
                    Some(which) => strangers.into_iter().skip(usize::from(which) - 1).take(1).collect(),
                    None => self.drawn(strangers, 1),
                }
            }
            Role::Coordinator(client) => load.coordinator_of(client).into_iter().collect(),
            Role::HintHolder => self.hint_holder(cluster).await.into_iter().collect(),
            Role::Joining => self.of_standing(Standing::Joining, cluster).await,
            Role::Leaving => self.of_standing(Standing::Leaving, cluster).await,
            Role::Spare => self.members.spare().into_iter().collect(),
            Role::Any => self.drawn(self.members.placed(), 1),
            Role::Minority => {
                let members = self.members.placed();
                let count = members.len().saturating_sub(1) / 2;
                self.drawn(members, count.max(1))
            }
            Role::All => self.members.placed(),
            Role::Dc(dc) => self.members.placed_in(dc),
        }
    }

    /// So many of these, in order.
    fn drawn(&mut self, from: Vec<Place>, count: usize) -> Vec<Place> {
        plan::drawn(&mut self.rng, from, count)
    }

    /// The owners of a key in the order of its preference list, as a member tells them that answers.
    async fn owners(&mut self, key: KeyName, load: &Load, cluster: &mut impl Cluster) -> Vec<Place> {
        let number = match key {
            KeyName::Number(number) => Some(number),
            KeyName::Hottest => load.hottest(),
        };
        let Some(key) = number.map(|number| load.stored_key(&key_name(number))) else {
            return Vec::new(); // Nobody has asked for anything yet.
        };
        for place in self.askable(cluster) {
            let owners = AdminRequest::Owners { key: key.clone() };
            if let Ok(AdminOk::Owners(owners)) = cluster.ask(place, owners).await {
                let places: Vec<Place> = Place::all(self.members.place_count()).collect();
                let place_of = |owner| places.iter().find(|place| cluster.identity(**place) == owner).copied();
                return owners.into_iter().filter_map(place_of).collect();
            }
        }
        Vec::new()
    }

    async fn hint_holder(&mut self, cluster: &mut impl Cluster) -> Option<Place> {
        let statuses = self.statuses(cluster).await;
        let most = statuses
            .values()
            .map(|status| status.hints_pending)
            .max()
            .filter(|most| *most > 0)?;
        let holders = statuses.iter().filter(|(_, status)| status.hints_pending == most);
        let holders: Vec<Place> = holders.map(|(place, _)| *place).collect();
        holders.choose(&mut self.rng).copied()
    }

    async fn of_standing(&self, standing: Standing, cluster: &mut impl Cluster) -> Vec<Place> {
        let statuses = self.statuses(cluster).await;
        let those = statuses.iter().filter(|(_, status)| status.moves.standing == standing);
        those.map(|(place, _)| *place).collect()
    }
}
