import type { Notice } from '../model/warnings.ts';
import { notices } from '../state/store.ts';

export function Notices() {
  const all = notices.value;
  if (all.length === 0) return null;
  return (
    <section class="notices" aria-labelledby="notices-title" data-region="notices">
      <h2 id="notices-title" class="unseen">
        Warnings
      </h2>
      <ul>
        {all.map((notice) => (
          <li key={`${notice.drive ?? ''} ${notice.title} ${notice.text}`} class={notice.severity}>
            <Sign severity={notice.severity} />
            <div>
              <strong>{notice.title}</strong>
              <Where notice={notice} />
              <p>{notice.text}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Where({ notice: { drive, bitmap } }: { readonly notice: Notice }) {
  if (drive === undefined) return null;
  return (
    <>
      {' on '}
      <a href={`#drive-${encodeURIComponent(drive)}`}>{drive}</a>
      {bitmap !== undefined && <>, bitmap {bitmap}</>}
    </>
  );
}

/** The shape tells the two apart as well as the colour does. */
function Sign({ severity }: Pick<Notice, 'severity'>) {
  return (
    <svg class="sign" viewBox="0 0 16 16" width="16" height="16" role="img">
      <title>{severity === 'danger' ? 'Danger' : 'Caution'}</title>
      {severity === 'danger' ? (
        <path d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5zM7.1 3.8v5h1.8v-5zm0 6.4v1.9h1.8v-1.9z" />
      ) : (
        <path d="M8 1l7.4 13.6H.6zM7.2 5.8v4.4h1.6V5.8zm0 5.5v1.6h1.6v-1.6z" />
      )}
    </svg>
  );
}
