"""Badges as clients see them."""

import strawberry

from schema.node import Node


@strawberry.type(description="A badge (徽章): a mark of what somebody has done.")
class Badge(Node):
    title: str = strawberry.field(description="For the learner to read.")
