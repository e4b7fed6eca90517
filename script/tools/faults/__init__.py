"""The fault suite: a real recorder meets every fault that storage, clock and cameras have, and files are the judge."""
