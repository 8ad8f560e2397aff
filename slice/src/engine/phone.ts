import type { Message } from "../api.js";

/** What comes in on a pretended phone. */
export interface Incoming {
  /** A phone number with its country code. */
  from: string;
  name?: string | undefined;
  text: string;
  /** A file that the message carries. */
  file?: IncomingFile | undefined;
}

/** A file that is made up where it is sent. */
export interface IncomingFile {
  kind: "image" | "document" | "voice";
  name?: string | undefined;
  /** How large it is at least; what is missing is zeros. */
  bytes?: number | undefined;
}

/** The phone's owner, and the world, where neither is real. */
export interface Phone {
  /** Scans the code that is shown now. Refuses (409) if none is. */
  scan(): Promise<void>;
  /** Loses the connection for so many seconds. Refuses (409) unless the state is `ready`. */
  drop(seconds: number): Promise<void>;
  /** Unlinks the device, as its owner can do on the phone. Refuses (409) if none is linked. */
  unlink(): Promise<void>;
  /** Lets one message come in. Refuses (400) what is not a number, (409) unless linked. */
  receive(incoming: Incoming): Promise<Pick<Message, "id" | "chatId" | "text">>;
}
