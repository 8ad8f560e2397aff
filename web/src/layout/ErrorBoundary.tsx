import { Component, type ReactNode } from "react";

interface State {
  broken: boolean;
}

/** Stands in for the page when drawing it failed, so that the person never faces an empty one. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { broken: false };

  static getDerivedStateFromError(): State {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <main className="page-centre">
        <div className="card panel" role="alert">
          <h1>This page broke</h1>
          <p>
            That is our fault, not yours. Your messages are safe in your workspace; loading the page again
            mostly helps.
          </p>
          <div className="actions">
            <button type="button" className="button" onClick={() => window.location.reload()}>
              Load the page again
            </button>
            {/* A plain link, so that the app starts afresh. */}
            <a className="button button-quiet" href="/">
              Go to the inbox
            </a>
          </div>
        </div>
      </main>
    );
  }
}
