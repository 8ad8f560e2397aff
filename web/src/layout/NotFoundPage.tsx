import { Link } from "wouter";
import { PageHeading } from "../ui/PageHeading";

export function NotFoundPage() {
  return (
    <main className="page-centre">
      <div className="card panel">
        <PageHeading title="Not found">There is no such page</PageHeading>
        <p>The address may be mistyped, or the page has moved.</p>
        <Link href="/" className="button">
          Go to the inbox
        </Link>
      </div>
    </main>
  );
}
