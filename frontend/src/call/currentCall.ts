/** The call lives beside React: it outlasts every component and every change of page. */
import { Call } from './call';
import { installDiagnostics } from './diagnostics';

let call: Call | null = null;

/** Only in the browser; the first use makes it. */
export function currentCall(): Call {
  if (!call) {
    call = new Call();
    installDiagnostics(call);
  }
  return call;
}
