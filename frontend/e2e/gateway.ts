/** Starts the real gateway of this repository on a free port, and ends it again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from './stand-in';

const REPOSITORY = path.resolve(import.meta.dirname, '..', '..');
const COMMAND = path.join(REPOSITORY, '.venv', 'bin', 'tandem');
const READY_WITHIN_MS = 60_000;

export class Gateway {
  private constructor(
    private readonly process: ChildProcess,
    readonly address: string,
    /** Everything it has printed so far. */
    readonly said: () => string,
  ) {}

  static async start(): Promise<Gateway> {
    if (!existsSync(COMMAND)) {
      throw new Error(`${COMMAND} is not there. Install the gateway into .venv first.`);
    }
    const child = spawn(COMMAND, ['serve', '--port', '0'], { cwd: REPOSITORY });
    let output = '';
    const collect = (text: Buffer) => {
      output += text.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    try {
      const address = await addressOf(child, () => output);
      return new Gateway(child, address, () => output);
    } catch (error) {
      child.kill();
      throw new Error(`The gateway did not start. It said:\n${output}`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    this.process.kill('SIGTERM');
    await once(this.process, 'exit');
  }
}

/** The gateway prints where it listens, and answers 200 there once its providers are ready. */
async function addressOf(child: ChildProcess, output: () => string): Promise<string> {
  const address = await waitFor(
    'the gateway to say where it listens',
    () => {
      if (child.exitCode !== null) throw new Error(`It ended with code ${child.exitCode}.`);
      return output().match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
    },
    READY_WITHIN_MS,
  );
  await waitFor('the gateway to be healthy', () => isHealthy(address), READY_WITHIN_MS);
  return `${address}/`;
}

async function isHealthy(address: string): Promise<true | undefined> {
  try {
    return (await fetch(`${address}/health`)).status === 200 || undefined;
  } catch {
    // Not listening yet.
    return undefined;
  }
}
