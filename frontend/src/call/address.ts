/** Where the gateway listens: on the origin that served this page. */

/** `NEXT_PUBLIC_GATEWAY` (ws://host:port) is for `next dev`, which serves the page from a port of its own. */
export function gatewayAddress(): string {
  const own = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`;
  return `${process.env.NEXT_PUBLIC_GATEWAY ?? own}/voice/new`;
}
