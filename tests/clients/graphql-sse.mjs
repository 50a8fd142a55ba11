// graphql-sse in its distinct connections mode: one request, one subscription, as server-sent events. A stream that
// ends without `complete` is one to ask for again.
import { createClient } from "graphql-sse";
import { Session, given, tell } from "./story.mjs";

const session = new Session();

const client = createClient({
  url: given.url,
  singleConnection: false,
  headers: async () => {
    const authorization = await session.current(ask);
    return authorization === undefined ? {} : { authorization };
  },
  on: { connecting: (again) => again && session.end() },
});

async function ask(operationName, variables) {
  const authorization = session.token === null ? {} : { authorization: `Bearer ${session.token}` };
  const answer = await fetch(given.url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json", ...authorization },
    body: JSON.stringify({ query: given.documents[operationName], operationName, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

function follow(operationName, variables, hear) {
  return client.subscribe(
    { query: given.documents[operationName], operationName, variables },
    { next: ({ data }) => hear(data), error: (error) => { throw error; }, complete: () => {} },
  );
}

await tell({ session, ask, follow });
