//! The codec of raw peers: one WebSocket message is one body.

use crate::ws::{Opcode, header};
use crate::{Dialect, Framing};

use super::{Abilities, Codec, CodecError, Delivery, Input, Output, Step, Written};
use crate::comet::Seq;
use crate::ws::MessageKind;

pub(super) const ABILITIES: Abilities =
    Abilities { whole_messages: true, auth_frames: false, retries: false, ..Abilities::LEAST };

#[derive(Debug)]
pub(super) struct Raw;

impl Codec for Raw {
    fn dialect(&self) -> Dialect {
        Dialect::Raw
    }

    fn abilities(&self) -> &'static Abilities {
        &ABILITIES
    }

    fn decode<'a>(&self, body: &'a [u8], _: usize) -> Result<Step<'a>, CodecError> {
        let (kind, answered) = (MessageKind::Binary, Seq::NONE);
        let input = Input::Send { seq: 0, op: 0, kind, answered, body };
        Ok(Step::Frame { input, len: body.len() })
    }

    fn encode(&self, _: &Output<'_>, _: &mut Vec<u8>) {}

    fn delivery(
        &self,
        framing: Framing,
        delivery: &Delivery<'_>,
        write: &mut dyn FnMut(&[u8]),
    ) -> Written {
        if framing == Framing::Messages {
            let opcode = if delivery.is_text { Opcode::Text } else { Opcode::Binary };
            write(&header(opcode, delivery.body.len()));
        }
        Written::default()
    }
}
