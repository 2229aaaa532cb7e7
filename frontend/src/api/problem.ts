/** Everything that can be wrong with a call, told apart by what the person can do about it. */

export type ProblemKind =
  | "offline" // this device has no network
  | "unreachable" // nobody answered, or not in time
  | "signed-out" // 401
  | "forbidden" // 403
  | "not-found" // 404
  | "not-ready" // 409: it will be there
  | "busy" // 429
  | "server" // 5xx
  | "refused" // any other refusal: the request is at fault
  | "unreadable"; // an answer that is no answer, such as half a document

export interface ProblemFacts {
  status?: number;
  code?: string;
  detail?: string;
  retryAfterS?: number;
  requestId?: string;
}

export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  readonly retryAfterS: number | undefined;
  readonly requestId: string | undefined;

  constructor(kind: ProblemKind, facts: ProblemFacts = {}) {
    super(facts.detail ?? facts.code ?? kind);
    this.name = "Problem";
    this.kind = kind;
    this.status = facts.status;
    this.code = facts.code;
    this.detail = facts.detail;
    this.retryAfterS = facts.retryAfterS;
    this.requestId = facts.requestId;
  }

  /** Asking again may help without anybody changing anything. */
  get passing(): boolean {
    return this.kind === "offline" || this.kind === "unreachable" || this.kind === "busy" || this.kind === "server";
  }
}

/** What an HTTP status means to the person before the screen. */
export function kindOf(status: number): ProblemKind {
  switch (status) {
    case 401:
      return "signed-out";
    case 403:
      return "forbidden";
    case 404:
      return "not-found";
    case 409:
      return "not-ready";
    case 429:
      return "busy";
    default:
      return status >= 500 ? "server" : "refused";
  }
}

/** The problem that a refused answer states; its body may be a problem document (RFC 9457) or anything at all. */
export async function problemOf(answer: Response): Promise<Problem> {
  const facts: ProblemFacts = { status: answer.status };
  const seconds = Number(answer.headers.get("Retry-After"));
  if (seconds > 0) facts.retryAfterS = seconds;
  try {
    const document: unknown = await answer.json();
    if (typeof document === "object" && document !== null) {
      const { code, detail, request_id: requestId } = document as Record<string, unknown>;
      if (typeof code === "string") facts.code = code;
      if (typeof detail === "string") facts.detail = detail;
      if (typeof requestId === "string") facts.requestId = requestId;
    }
  } catch {
    // A proxy's page, or nothing: the status says enough.
  }
  return new Problem(kindOf(answer.status), facts);
}

/** Whatever was thrown, as a problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof SyntaxError) return new Problem("unreadable");
  if (typeof navigator !== "undefined" && navigator.onLine === false) return new Problem("offline");
  return new Problem("unreachable", { detail: thrown instanceof Error ? thrown.message : String(thrown) });
}
