"""The steps of the config flow, a file for each thing that people are asked for."""
