//! Who waits to own a volume, in the order of asking. Knows neither leases nor epochs.

use crate::base::NodeId;

/// A client and its attachment of the volume.
pub(super) type Claim = (NodeId, u64);

/// Clients that wait for a volume which another has. A client has one claim: its newest.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims(Vec<Claim>);

impl Claims {
    /// Puts a claim at the end, or in the place of an older one of its client.
    pub(super) fn add(&mut self, claim: Claim) {
        match self.0.iter_mut().find(|(client, _)| *client == claim.0) {
            Some(older) => *older = claim,
            None => self.0.push(claim),
        }
    }

    /// Puts back one whose turn it was already.
    pub(super) fn put_back(&mut self, claim: Claim) {
        if !self.0.iter().any(|(client, _)| *client == claim.0) {
            self.0.insert(0, claim);
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose turn it is.
    pub(super) fn take_next(&mut self) -> Option<Claim> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// This attachment waits no longer.
    pub(super) fn withdraw(&mut self, claim: Claim) {
        self.0.retain(|held| *held != claim);
    }

    /// This client waits no longer, for it is gone or has the volume.
    pub(super) fn forget(&mut self, client: NodeId) {
        self.0.retain(|(held, _)| *held != client);
    }
}

#[cfg(test)]
mod tests {
    use super::Claims;
    use crate::base::NodeId;

    #[test]
    fn clients_take_turns_in_the_order_of_asking_each_with_its_newest_claim() {
        let [a, b, c] = [1, 2, 3].map(NodeId::new);
        let mut claims = Claims::default();
        for claim in [(a, 1), (b, 1), (a, 2), (c, 1)] {
            claims.add(claim);
        }
        claims.withdraw((b, 7));
        claims.forget(c);
        let first = claims.take_next();
        assert_eq!(first, Some((a, 2)));
        claims.put_back((a, 2));
        claims.put_back((b, 9));
        assert_eq!(claims.take_next(), Some((a, 2)), "put back, it is first again");
        assert_eq!(claims.take_next(), Some((b, 1)), "its own newer claim stands");
        assert_eq!(claims.take_next(), None);
    }
}
