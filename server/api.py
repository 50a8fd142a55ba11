"""The executable schema: root types joined from the resolvers, in lists that can be read."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.node import NodeQueries
from resolvers.viewer import ViewerQueries
from schema.scalars import SCALARS


@strawberry.type
class Query(ViewerQueries, NodeQueries): ...


schema = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS))
