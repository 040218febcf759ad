import { announcement, connection, service } from '../state/store.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { Dialogs } from './dialogs.tsx';
import { DriveList } from './drive-list.tsx';
import { ExportsPanel } from './exports-panel.tsx';
import { Header } from './header.tsx';
import { JobsPanel } from './jobs-panel.tsx';
import { Notices } from './notices.tsx';
import { PointsPanel } from './points-panel.tsx';
import { Summary } from './summary.tsx';
import { TokenForm } from './token-form.tsx';

export function App() {
  const state = connection.value;
  return (
    <>
      {state.kind !== 'token' && service.value !== undefined && (
        <a class="skip" href="#drives">
          Skip to the drives
        </a>
      )}
      <Header />
      {state.kind === 'token' ? <TokenForm message={state.message} /> : <Overview />}
      <Dialogs />
      <p class="unseen" role="status">
        {announcement.value}
      </p>
    </>
  );
}

function Overview() {
  const lost = connection.value.kind === 'lost';
  return (
    <>
      <ConnectionBanner />
      <main class={lost ? 'stale' : ''} data-region="main">
        {service.value === undefined ? (
          <p class="waiting">{lost ? 'Nothing has come from the daemon yet.' : 'Connecting …'}</p>
        ) : (
          <>
            <Notices />
            <Summary />
            <div class="columns">
              <DriveList />
              <div class="side">
                <JobsPanel />
                <PointsPanel />
                <ExportsPanel />
              </div>
            </div>
          </>
        )}
      </main>
    </>
  );
}
