// Apollo Client: queries and mutations over HTTP, subscriptions over a socket; and a query by its hash alone, by GET.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { Session, given, sha256, socketUrl, tell } from "./story.mjs";

const session = new Session();
const requests = [];

const watchedFetch = (url, options) => {
  requests.push({ method: options.method, text: /query=|"query":/.test(url + (options.body ?? "")) });
  return fetch(url, options);
};
const http = new HttpLink({ uri: given.url, fetch: watchedFetch });
const authorized = new SetContextLink((previous) =>
  session.token === null ? {} : { headers: { ...previous.headers, authorization: `Bearer ${session.token}` } },
);
const sockets = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ authorization: await session.current(ask) }),
  shouldRetry: () => true,
  on: { closed: ({ code }) => code !== 1000 && session.end(code) },
});

const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    authorized.concat(http),
  ),
});

async function ask(name, variables) {
  const document = gql(given.documents[name]);
  const isMutation = document.definitions.some((part) => part.operation === "mutation");
  const { data } = isMutation
    ? await client.mutate({ mutation: document, variables })
    : await client.query({ query: document, variables, fetchPolicy: "network-only" });
  return data;
}

function follow(name, variables, hear) {
  const events = client.subscribe({ query: gql(given.documents[name]), variables, fetchPolicy: "no-cache" });
  const listening = events.subscribe({ next: ({ data }) => data && hear(data) });
  return () => listening.unsubscribe();
}

async function more() {
  const byHash = new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(http);
  const anyone = new ApolloClient({ cache: new InMemoryCache(), link: byHash });
  requests.length = 0;
  const boards = await anyone.query({ query: gql(given.documents.Levels) });
  return { hashed: requests, levels: boards.data.levels.length };
}

await tell({ session, ask, follow, more });
