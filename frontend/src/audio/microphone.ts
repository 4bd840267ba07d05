/** Asks for the microphone, and says in plain words what is wrong when there is none. */

export type MicProblem = 'denied' | 'missing' | 'insecure' | 'in-use' | 'lost';

const CONSTRAINTS: MediaStreamConstraints = {
  audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
};

const BY_ERROR_NAME: Record<string, MicProblem> = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'in-use',
  AbortError: 'in-use',
};

export class MicrophoneError extends Error {
  constructor(readonly problem: MicProblem) {
    super(micAdvice(problem).title);
  }
}

/** Known before anything is clicked: browsers hide the microphone from pages opened over plain http. */
export function originIsInsecure(): boolean {
  return !navigator.mediaDevices?.getUserMedia;
}

export async function requestMicrophone(): Promise<MediaStream> {
  if (originIsInsecure()) throw new MicrophoneError('insecure');
  try {
    return await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
  } catch (error) {
    throw new MicrophoneError(micProblemOf(error));
  }
}

export function micProblemOf(error: unknown): MicProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  return BY_ERROR_NAME[name] ?? 'missing';
}

export interface MicAdvice {
  title: string;
  advice: string;
}

export function micAdvice(problem: MicProblem): MicAdvice {
  switch (problem) {
    case 'denied':
      return {
        title: 'The microphone is blocked for this page.',
        advice:
          'Open the site settings beside the address, set Microphone to Allow, then try again. You can type meanwhile.',
      };
    case 'missing':
      return {
        title: 'No microphone was found.',
        advice: 'Plug one in or switch one on, then try again. You can type meanwhile.',
      };
    case 'insecure':
      return {
        title: 'The microphone does not work at this address.',
        advice:
          'Browsers only allow it over https:// or on localhost. Open this page there to speak. You can type here.',
      };
    case 'in-use':
      return {
        title: 'The microphone is busy.',
        advice:
          'Another program seems to be using it. Close calls or recorders, then try again. You can type meanwhile.',
      };
    case 'lost':
      return {
        title: 'The microphone went away.',
        advice:
          'It was unplugged or switched off. Connect it, then try again. You can type meanwhile.',
      };
  }
}
