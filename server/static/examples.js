// The tabs a newcomer sees: the way from signing in to moving up the honour board. What is left empty is filled in from the
// answers of the tabs before (`filled` in graphiql-page.js).
const EXAMPLES = [
  {
    query: `# 1 Sign in. The demo's code is 888888.
# The server named a phone for every role as it started.
# The token of the answer goes into the box above.
mutation SignIn($input: SignInWithCodeInput!) {
  signInWithCode(input: $input) {
    session { accessToken accessTokenExpiresAt refreshToken }
    viewer { id displayName roles }
    userErrors { code message field }
  }
}`,
    variables: { input: { phone: "+8613800138000", code: "888888", deviceId: "graphiql", deviceName: "GraphiQL" } },
  },
  {
    query: `# 2 Courses to watch. The first is used in tab 3.
query Courses {
  courses(first: 5, filter: { form: VIDEO, viewerState: NOT_STARTED }) {
    totalCount
    nodes { id code title summary form kind points durationSeconds module { name } viewerProgress { percent } }
  }
}`,
  },
  {
    query: `# 3 One course. A lesson opens when the one before it
# is complete. Tab 4 takes them one after the other.
query Course($id: ID!) {
  course(id: $id) {
    id title summary points
    lessons { id position title durationSeconds locked viewerProgress { watchedSeconds percent completedAt missing } }
  }
}`,
    variables: { id: "" },
  },
  {
    query: `# 4 Watch a whole lesson; run again for the next one.
# Points, level and streak come with the answer.
mutation Watch($input: ReportProgressInput!) {
  reportProgress(input: $input) {
    results { eventId status code message }
    awards { rule title points }
    viewer { points { lifetime balance today thisWeek } level { number title } streak { days learnedToday } }
    lessons { id viewerProgress { percent completedAt missing } }
    userErrors { code message field }
  }
}`,
    variables: {
      input: {
        sentAt: "",
        events: [{ eventId: "", lessonId: "", kind: "WATCHED", occurredAt: "", spans: [{ fromSeconds: 0, toSeconds: 60 }] }],
      },
    },
  },
  {
    query: `# 5 This week's honour board, and where I stand.
query Board {
  honourBoard(metric: POINTS, period: WEEK) {
    id title phase asOf stale
    standings(first: 10) { nodes { rank position score movement subject { ... on Member { displayName outlet { name } } } } }
    viewerStanding { rank position score gapToNext movement }
  }
}`,
  },
  {
    query: `# 6 Tab 5's board while it moves: run this here, and
# complete lessons in a second window (tabs 1 to 4).
subscription Moves($boardId: ID!) {
  honourBoardMoved(boardId: $boardId, top: 5) {
    asOf phase
    standings { rank score subject { ... on Member { displayName } } }
    viewerStanding { rank score gapToNext }
  }
}`,
    variables: { boardId: "" },
  },
];
