"""The recorder as a whole: its settings and cameras, what they do now, and the feed that tells others."""
