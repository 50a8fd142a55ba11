// The reference client of graphql-transport-ws, with plain fetch for everything else.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { Session, given, socketUrl, tell } from "./story.mjs";

const session = new Session();

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

const client = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ authorization: await session.current(ask) }),
  shouldRetry: () => true,
  on: { closed: ({ code }) => code !== 1000 && session.end(code) },
});

function follow(operationName, variables, hear) {
  return client.subscribe(
    { query: given.documents[operationName], operationName, variables },
    { next: ({ data }) => hear(data), error: (error) => { throw error; }, complete: () => {} },
  );
}

await tell({ session, ask, follow });
