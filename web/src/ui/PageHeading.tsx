import { type ReactNode, useEffect, useRef } from "react";
import { useBrand } from "../session/SessionProvider";

interface Props {
  children: ReactNode;
  /** The title of the browser's tab; the brand is added to it. */
  title: string;
  className?: string;
}

/**
 * The heading of a page or step. It takes the focus when it appears, so that
 * keyboard and screen reader start where the new content does.
 */
export function PageHeading({ children, title, className }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const brand = useBrand();

  useEffect(() => {
    document.title = brand ? `${title} · ${brand}` : title;
  }, [title, brand]);

  useEffect(() => {
    const active = document.activeElement;
    const isFree = !active || active === document.body || active.closest("main") !== null;
    // Not from under somebody who is in the account menu while a step changes by itself.
    if (isFree) heading.current?.focus();
  }, []);

  return (
    <h1 ref={heading} tabIndex={-1} className={className}>
      {children}
    </h1>
  );
}
