/** The sign of Tandem: two who speak, and the line between them. */

export function Mark() {
  return (
    <svg viewBox="0 0 40 20" className="h-5 w-10" aria-hidden="true">
      <path
        d="M6 10c5-11 9-11 14 0s9 11 14 0"
        fill="none"
        stroke="currentColor"
        strokeOpacity="0.45"
        strokeWidth="2"
        strokeLinecap="round"
      />
      <circle cx="5" cy="10" r="4.5" fill="var(--caller)" />
      <circle cx="35" cy="10" r="4.5" fill="var(--assistant)" />
    </svg>
  );
}
