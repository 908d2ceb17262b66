import "./chai-globals";

export * from "./chai-library";
