// urql: queries and mutations over HTTP, subscriptions over a socket; and one as server-sent events, its own way.
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { Session, given, socketUrl, tell } from "./story.mjs";

const session = new Session();

const sockets = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ authorization: await session.current(ask) }),
  shouldRetry: () => true,
  on: { closed: ({ code }) => code !== 1000 && session.end(code) },
});
const fetchOptions = () =>
  session.token === null ? {} : { headers: { authorization: `Bearer ${session.token}` } };

const client = new Client({
  url: given.url,
  preferGetMethod: false,
  fetchOptions,
  exchanges: [
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
      }),
    }),
    fetchExchange,
  ],
});
const streaming = new Client({ url: given.url, preferGetMethod: false, fetchSubscriptions: true, fetchOptions, exchanges: [fetchExchange] });

async function ask(name, variables) {
  const document = given.documents[name];
  const run = document.trimStart().startsWith("mutation") ? client.mutation(document, variables) : client.query(document, variables);
  const { data, error } = await run.toPromise();
  if (error) throw error;
  return data;
}

function follow(name, variables, hear, over = client) {
  const listening = over.subscription(given.documents[name], variables).subscribe(({ data, error }) => {
    if (error) throw error;
    if (data) hear(data);
  });
  return listening.unsubscribe;
}

async function more() {
  let end;
  const first = await new Promise((resolve) => {
    end = follow("MyPoints", {}, resolve, streaming);
  });
  end();
  return { streamed: first.myPoints.viewer.points.lifetime };
}

await tell({ session, ask, follow, more });
