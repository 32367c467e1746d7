import { byId } from "./dom.js";
import { App } from "./main.js";

new App(JSON.parse(byId("data").textContent));
