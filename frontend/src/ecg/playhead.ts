/** The moment that video and waveform show, told to both sixty times a second and so kept outside React. */

export class Playhead {
  private video: HTMLVideoElement | null = null;
  private readonly listeners = new Set<(time: number) => void>();
  private frame = 0;
  private at = 0;

  constructor(private readonly duration: number) {}

  get time(): number {
    return this.at;
  }

  get playing(): boolean {
    return this.video !== null && !this.video.paused && !this.video.ended;
  }

  /** Follow a video, or none; the returned function lets go of it. */
  attach(video: HTMLVideoElement): () => void {
    this.video = video;
    video.currentTime = this.at;
    const begin = (): void => this.tick();
    const look = (): void => this.move(video.currentTime);
    video.addEventListener("play", begin);
    video.addEventListener("seeking", look);
    video.addEventListener("timeupdate", look);
    video.addEventListener("pause", look);
    return () => {
      cancelAnimationFrame(this.frame);
      video.removeEventListener("play", begin);
      video.removeEventListener("seeking", look);
      video.removeEventListener("timeupdate", look);
      video.removeEventListener("pause", look);
      this.video = null;
    };
  }

  /** Go to a second of the recording, in the video too. */
  seek(time: number): void {
    const to = Math.min(Math.max(0, time), this.duration);
    if (this.video) this.video.currentTime = to;
    this.move(to);
  }

  toggle(): void {
    if (this.playing) this.video?.pause();
    else this.video?.play().catch(() => undefined); // a video that cannot be played says so itself
  }

  readonly subscribe = (listener: (time: number) => void): (() => void) => {
    this.listeners.add(listener);
    listener(this.at);
    return () => this.listeners.delete(listener);
  };

  private tick(): void {
    cancelAnimationFrame(this.frame);
    if (!this.video || !this.playing) return;
    this.move(this.video.currentTime);
    this.frame = requestAnimationFrame(() => this.tick());
  }

  private move(time: number): void {
    if (time === this.at) return;
    this.at = time;
    for (const listener of this.listeners) listener(time);
  }
}
