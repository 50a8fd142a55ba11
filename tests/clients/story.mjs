// The story that every client tells: sign in and ask, hear one's own change, lose the token, refresh, go on.
//
// The test writes one line of JSON to stdin, answers each `want` with another, and reads the last line as the report.
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** What the test says next. */
const heard = async () => JSON.parse((await lines.next()).value);
const say = (message) => console.log(JSON.stringify(message));

/** { url, documents: {name: text}, phone, password, course } */
export const given = await heard();

export const socketUrl = given.url.replace("http", "ws");

export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** The member's token, as an app keeps it: `current` gives one that may still be used. */
export class Session {
  token = null;
  refreshToken = null;
  ended = [];

  /** The server has ended a connection, a socket with this code: the token is not to be used again. */
  end(code = null) {
    this.ended.push(code);
    this.stale = code === null || code === 4403;
  }

  async current(ask) {
    if (this.stale) {
      const { session } = (await ask("RefreshSession", { input: { refreshToken: this.refreshToken } })).refreshSession;
      this.token = session.accessToken;
      this.stale = false;
    }
    return this.token === null ? undefined : `Bearer ${this.token}`;
  }
}

/** Collects what a subscription hears; `until` waits for the first event that fits. */
class Heard {
  events = [];
  waiting = [];

  hear = (data) => {
    this.events.push(data);
    this.waiting = this.waiting.filter((wish) => !wish());
  };

  until(fits) {
    const looked = this.events.length;
    return new Promise((resolve) => {
      const wish = (from) => () => {
        const found = this.events.slice(from).find(fits);
        if (found) resolve(found);
        return Boolean(found);
      };
      if (!wish(0)()) this.waiting.push(wish(looked));
    });
  }
}

/**
 * `ask(name, variables)` gives an operation's data; `follow(name, variables, hear)` subscribes and gives a function
 * that ends it; `more` is what this client alone can show.
 */
export async function tell({ session, ask, follow, more = async () => ({}) }) {
  const device = { deviceId: "node", deviceName: "Node" };
  const proof = { phone: given.phone, password: given.password, ...device };
  const signedIn = (await ask("SignInWithPassword", { input: proof })).signInWithPassword;
  session.token = signedIn.session.accessToken;
  session.refreshToken = signedIn.session.refreshToken;

  const { course } = await ask("CourseDetail", { id: given.course });
  const { honourBoard } = await ask("HonourBoard", { metric: "POINTS", period: "WEEK" });

  const points = new Heard();
  const board = new Heard();
  const endPoints = follow("MyPoints", {}, points.hear);
  const endBoard = follow("BoardMoved", { boardId: honourBoard.id }, board.hear);
  const before = (await points.until(() => true)).myPoints;
  await board.until(() => true);

  const now = new Date();
  const [lesson] = course.lessons;
  const watched = {
    eventId: crypto.randomUUID(), lessonId: lesson.id, kind: "WATCHED", playbackRate: 1,
    occurredAt: now.toISOString(), spans: [{ fromSeconds: 0, toSeconds: lesson.durationSeconds }],
  };
  const reported = await ask("ReportProgress", { input: { sentAt: now.toISOString(), events: [watched] } });
  const after = (await points.until((data) => data.myPoints.awards.length > 0)).myPoints;
  const moved = (await board.until((data) => data.honourBoardMoved.viewerStanding?.score > 0)).honourBoardMoved;
  endPoints();
  endBoard();

  say({ want: "token" });
  session.token = await heard();
  const again = new Heard();
  const endAgain = follow("MyPoints", {}, again.hear);
  await again.until(() => true);
  const first = again.events.length;
  while (again.events.length === first) await new Promise((resolve) => setTimeout(resolve, 50));
  endAgain();

  say({
    name: signedIn.viewer.displayName,
    statuses: reported.reportProgress.results.map((result) => result.status),
    before: before.viewer.points.lifetime,
    after: after.viewer.points.lifetime,
    awards: after.awards.map((award) => award.rule),
    score: moved.viewerStanding.score,
    again: again.events.map((data) => data.myPoints.viewer.points.lifetime),
    ended: session.ended,
    ...(await more()),
  });
  process.exit(0);
}
