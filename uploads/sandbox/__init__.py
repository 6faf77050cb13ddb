"""A stand-in for the Qure server, written from its public documents; nothing in the portal imports it."""
