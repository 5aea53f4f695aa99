//! What strangers may try: each attack ends by itself, costs what it may, and hurts nobody else.

mod crowd;
mod flood;
mod garbage;
mod limits;
mod stall;
