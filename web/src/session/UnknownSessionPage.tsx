import { Spinner } from "../ui/Spinner";
import { useSession } from "./SessionProvider";

/** Shown until the server has said who is logged in. */
export function UnknownSessionPage({ failed }: { failed: boolean }) {
  const { refresh } = useSession();
  if (!failed) {
    return (
      <main className="page-centre">
        <Spinner label="Loading" />
      </main>
    );
  }
  return (
    <main className="page-centre">
      <div className="card panel" role="alert">
        <h1>We can’t be reached</h1>
        <p>
          Either your network is down or our server is. Nothing is lost, and this page goes on trying by
          itself.
        </p>
        <button type="button" className="button" onClick={() => void refresh()}>
          Try now
        </button>
      </div>
    </main>
  );
}
