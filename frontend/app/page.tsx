/** The front page: talk. */
import { TalkPage } from '@/features/talk/TalkPage';

export default function Page() {
  return <TalkPage />;
}
