import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { ShownMessage } from "../workspace/messages";

/** This near to the end, in CSS pixels, counts as being there. */
const nearEnd = 80;

/**
 * Keeps the place in a scrolling list of messages: at the end it follows new
 * ones; elsewhere what is on the screen stays where it is, also when older ones
 * are put above it.
 */
export function useScrollPlace(messages: readonly ShownMessage[]) {
  const box = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [isAtEnd, setIsAtEnd] = useState(true);
  const [isAtTop, setIsAtTop] = useState(false);
  const shown = useRef<{ oldest: string | undefined; newest: string | undefined; height: number }>({
    oldest: undefined,
    newest: undefined,
    height: 0,
  });

  const toEnd = useCallback(() => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const before = shown.current;
    const oldest = messages[0]?.id;
    const newest = messages.at(-1);
    const grewAbove = before.oldest !== undefined && oldest !== before.oldest;
    const wroteMyself = newest?.sending === true && newest.id !== before.newest;

    if (atEnd.current || wroteMyself) element.scrollTop = element.scrollHeight;
    else if (grewAbove) element.scrollTop += element.scrollHeight - before.height;
    shown.current = { oldest, newest: newest?.id, height: element.scrollHeight };
  }, [messages]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const scrolled = () => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight <= nearEnd;
      setIsAtEnd(atEnd.current);
    };
    element.addEventListener("scroll", scrolled, { passive: true });
    // The keyboard of a phone, or a compose box that grows, must not hide the end.
    const resized = new ResizeObserver(() => {
      if (atEnd.current) element.scrollTop = element.scrollHeight;
    });
    resized.observe(element);
    return () => {
      element.removeEventListener("scroll", scrolled);
      resized.disconnect();
    };
  }, []);

  useEffect(() => {
    if (!box.current || !top.current) return;
    const watcher = new IntersectionObserver(([entry]) => setIsAtTop(entry?.isIntersecting ?? false), {
      root: box.current,
      rootMargin: "200px 0px 0px 0px",
    });
    watcher.observe(top.current);
    return () => watcher.disconnect();
  }, []);

  return { box, top, isAtEnd, isAtTop, toEnd };
}
