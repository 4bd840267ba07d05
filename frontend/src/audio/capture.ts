/** The microphone's path: stream, level meter, and the worklet that makes frames. */
import type { CapturedFrame } from './captureFramer';
import { CAPTURE_PROCESSOR, type CaptureReport } from './worklets/messages';

export class Capture {
  /** For the level meter only. */
  readonly analyser: AnalyserNode;
  private readonly source: MediaStreamAudioSourceNode;
  private readonly node: AudioWorkletNode;

  constructor(
    context: AudioContext,
    private readonly stream: MediaStream,
    onFrame: (frame: CapturedFrame) => void,
    onLost: () => void,
  ) {
    this.source = context.createMediaStreamSource(stream);
    this.analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.node = new AudioWorkletNode(context, CAPTURE_PROCESSOR, { outputChannelCount: [1] });
    this.node.port.onmessage = (event: MessageEvent<CaptureReport>) => onFrame(event.data);
    this.source.connect(this.analyser);
    // Its output is silent; some browsers only run what leads to the destination.
    this.source.connect(this.node).connect(context.destination);
    for (const track of stream.getAudioTracks()) track.onended = onLost;
  }

  /** Switches the tracks too, so that the browser's own indicator shows the mute. */
  setMuted(muted: boolean): void {
    for (const track of this.stream.getAudioTracks()) track.enabled = !muted;
  }

  close(): void {
    for (const track of this.stream.getAudioTracks()) {
      track.onended = null;
      track.stop();
    }
    this.node.port.onmessage = null;
    this.source.disconnect();
    this.node.disconnect();
  }
}
