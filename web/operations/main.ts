// What the operator's pages do beyond their forms, which work without it.
import "./style.css";
import { drawAll } from "./plot";

drawAll(document);
