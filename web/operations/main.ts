// What the operator's pages do beyond their forms, which work without it.
import "./style.css";
import { keepLive } from "./live";
import { drawAll } from "./plot";
import { refresh } from "./refresh";

keepLive(document);
drawAll(document);
void refresh(document);
// On a phone the navigation is wider than the window.
document.querySelector("header nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
