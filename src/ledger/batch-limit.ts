/** How many entries a batch of the sequencer has at most, and so how many come between two signed checkpoints while none is missing. */
export const batchLimit = 1_024;
