//! One run, replay, sweep, prove: what is done with whole simulations. The only layer that starts threads.
