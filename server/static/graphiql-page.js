// GraphiQL on this server: requests carry the token of the box, subscriptions go over graphql-transport-ws.
(() => {
  const { React, createRoot, GraphiQL } = Academy;
  const box = document.getElementById("token");
  const state = document.getElementById("token-state");
  const found = { lessons: [] }; // ids seen in answers, for the empty ones of the examples

  const authorization = () => (box.value.trim() ? "Bearer " + box.value.trim() : undefined);

  function keepToken(token, expiresAt) {
    box.value = token;
    sessionStorage.setItem("token", token);
    state.textContent = expiresAt ? "until " + new Date(expiresAt).toLocaleTimeString() : "";
  }
  box.value = sessionStorage.getItem("token") || "";
  box.addEventListener("input", () => keepToken(box.value, ""));
  document.getElementById("reset").addEventListener("click", () => {
    for (const key of Object.keys(localStorage)) if (key.startsWith("graphiql:")) localStorage.removeItem(key);
    location.reload();
  });

  function learnFrom(data) {
    const session = data?.signInWithCode?.session || data?.signInWithPassword?.session || data?.refreshSession?.session;
    if (session) keepToken(session.accessToken, session.accessTokenExpiresAt);
    if (data?.courses?.nodes?.length) found.course = data.courses.nodes[0].id;
    if (data?.course?.lessons) found.lessons = data.course.lessons.filter((lesson) => !lesson.viewerProgress?.completedAt);
    const completed = (data?.reportProgress?.lessons || []).filter((lesson) => lesson.viewerProgress?.completedAt);
    found.lessons = found.lessons.filter((lesson) => !completed.some((done) => done.id === lesson.id));
    if (data?.honourBoard?.id) found.board = data.honourBoard.id;
  }

  // What an example leaves empty: ids from earlier answers, a new event id, the present moment.
  function filled(variables) {
    const copy = structuredClone(variables || {});
    if (copy.id === "") copy.id = found.course || "";
    if (copy.boardId === "") copy.boardId = found.board || "";
    const now = new Date().toISOString();
    if (copy.input?.sentAt === "") copy.input.sentAt = now;
    for (const event of copy.input?.events || []) {
      if (event.eventId === "") event.eventId = newId();
      if (event.occurredAt === "") event.occurredAt = now;
      if (event.lessonId === "") {
        const lesson = found.lessons[0];
        event.lessonId = lesson?.id || "";
        if (lesson && event.spans?.length === 1) event.spans[0].toSeconds = lesson.durationSeconds;
      }
    }
    return copy;
  }

  function newId() { // crypto.randomUUID exists on https and localhost only
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    return [...bytes].map((byte, i) => ([4, 6, 8, 10].includes(i) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
  }

  async function post(request, headers) {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json;q=0.9",
        ...(authorization() && request.operationName !== "SignIn" ? { authorization: authorization() } : {}),
        ...headers,
      },
      body: JSON.stringify(request),
    });
    const answer = await response.json();
    learnFrom(answer.data);
    return answer;
  }

  // One socket an operation: simple, and closed with it.
  async function* subscribe(payload) {
    const waiting = [];
    let wake = () => {};
    const put = (message) => { waiting.push(message); wake(); };
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/graphql", "graphql-transport-ws");
    socket.onopen = () => socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: authorization() } }));
    socket.onmessage = (event) => put(JSON.parse(event.data));
    socket.onclose = (event) => put({ type: "closed", code: event.code, reason: event.reason });
    try {
      for (;;) {
        while (!waiting.length) await new Promise((resolve) => { wake = resolve; });
        const message = waiting.shift();
        if (message.type === "connection_ack") socket.send(JSON.stringify({ id: "1", type: "subscribe", payload }));
        else if (message.type === "ping") socket.send(JSON.stringify({ type: "pong" }));
        else if (message.type === "next") yield message.payload;
        else if (message.type === "error") { yield { errors: message.payload }; return; }
        else if (message.type === "complete") return;
        else if (message.type === "closed") {
          yield { errors: [{ message: `Socket closed: ${message.code} ${message.reason}` }] };
          return;
        }
      }
    } finally {
      socket.close();
    }
  }

  function isSubscription(request, document) {
    const operations = (document?.definitions || []).filter((part) => part.kind === "OperationDefinition");
    const chosen = operations.find((part) => part.name?.value === request.operationName) || operations[0];
    return chosen?.operation === "subscription";
  }

  function fetcher(request, options) {
    const ready = { ...request, variables: filled(request.variables) };
    if (isSubscription(request, options?.documentAST)) return subscribe(ready);
    return post(ready, options?.headers);
  }

  const tabs = EXAMPLES.map(({ query, variables }) => ({
    query, variables: variables ? JSON.stringify(variables, null, 2) : "", headers: "",
  }));
  // GraphiQL takes the first tab's query from the tabs, but its variables from this property or from what it stored.
  const variables = localStorage.getItem("graphiql:tabState") ? undefined : tabs[0].variables;
  createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, {
      fetcher, variables, defaultTabs: tabs, shouldPersistHeaders: false, defaultEditorToolsVisibility: "variables",
    }),
  );
})();
