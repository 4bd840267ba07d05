/** Runs on the audio thread: microphone in, 20 ms PCM16 frames out to the page. */
import { CaptureFramer } from '../captureFramer';
import { CAPTURE_PROCESSOR } from './messages';

class CaptureProcessor extends AudioWorkletProcessor {
  private readonly framer = new CaptureFramer(sampleRate, (frame) =>
    this.port.postMessage(frame, [frame.buffer]),
  );
  private mixed = new Float32Array(128);

  process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0];
    if (channels.length > 0) this.framer.push(this.mix(channels), Math.round(currentTime * 1e6));
    return true;
  }

  private mix(channels: Float32Array[]): Float32Array {
    if (channels.length === 1) return channels[0];
    const length = channels[0].length;
    if (this.mixed.length !== length) this.mixed = new Float32Array(length);
    this.mixed.fill(0);
    for (const channel of channels) {
      for (let index = 0; index < length; index += 1) {
        this.mixed[index] += channel[index] / channels.length;
      }
    }
    return this.mixed;
  }
}

registerProcessor(CAPTURE_PROCESSOR, CaptureProcessor);
