"""The Node interface: everything with a global id.

    @strawberry.type
    class Course(Node):
        title: str
        row: strawberry.Private[rows.Course]

        @classmethod
        def of(cls, row: rows.Course) -> Self:
            return cls(id=encode("Course", row.id), title=row.title, row=row)

Its noun gives `resolvers/node.py` a function that fetches it, one line in `NODES`.
"""

import strawberry


@strawberry.interface(description="An object that `node` can find again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Global and opaque; `node` finds the object again by it.")
