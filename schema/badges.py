"""Badges as clients see them."""

import strawberry

from schema.node import Node


@strawberry.type(description="A mark of what somebody has done.")
class Badge(Node):
    title: str
