"""Compression: smaller networks, compared fairly.

A room between training and studies: it prunes what was trained, trains on through the ordinary
loop, and counts what is left. Nothing here decides by test data.
"""
