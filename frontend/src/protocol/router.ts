/** Parses one text message of the gateway and hands it to the one handler of its type. */
import {
  knownTypes,
  type ServerMessage,
  type ServerMessageOf,
  type ServerMessageType,
  serverMessage,
} from './messages';

export type Handlers = { [T in ServerMessageType]: (message: ServerMessageOf<T>) => void };

export interface RouterCounts {
  received: Record<string, number>;
  /** Well-formed, of a type this page does not know: a newer gateway. */
  unknown: number;
  /** Not JSON, or a known type with wrong fields. */
  malformed: number;
}

export class Router {
  readonly counts: RouterCounts = { received: {}, unknown: 0, malformed: 0 };

  constructor(private readonly handlers: Handlers) {}

  /** Never throws for what the gateway sent; what cannot be used is counted and left. */
  route(text: string): void {
    const json = parseJson(text);
    const type = typeOf(json);
    if (type !== null && !knownTypes.has(type)) {
      this.counts.unknown += 1;
      return;
    }
    const parsed = serverMessage.safeParse(json);
    if (!parsed.success) {
      this.counts.malformed += 1;
      return;
    }
    this.counts.received[parsed.data.type] = (this.counts.received[parsed.data.type] ?? 0) + 1;
    this.dispatch(parsed.data);
  }

  private dispatch(message: ServerMessage): void {
    const handler = this.handlers[message.type] as (message: ServerMessage) => void;
    handler(message);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function typeOf(json: unknown): string | null {
  if (typeof json !== 'object' || json === null || !('type' in json)) return null;
  return typeof json.type === 'string' ? json.type : null;
}
