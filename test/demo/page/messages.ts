/** What the command tells the page, and what the page asks for. Types only: both sides include this file. */

/**
 * Where the device is: without power; between power and its first connection; connected to its server; restarting;
 * running but not connected.
 */
export type Presence = "off" | "starting" | "connected" | "restarting" | "away";

/** A slot of the flash that can hold a firmware. */
export interface Slot {
	readonly label: string;
	/** Of the image in it; absent when there is none. */
	readonly version?: string;
	/** As the bootloader sees it. */
	readonly state: "empty" | "confirmed" | "on trial" | "not started" | "failed" | "inactive" | "being written";
	/** The firmware in it runs. */
	readonly running: boolean;
}

export const faults = ["none", "crash", "hang", "offline"] as const;
/** What an offered firmware does once it runs. */
export type Fault = (typeof faults)[number];

/** How far an offer has come. */
export type OfferStage = "preparing" | "offered" | "downloading" | "on trial" | "confirmed" | "rolled back" | "refused";

export interface Offer {
	readonly version: string;
	readonly fault: Fault;
	readonly stage: OfferStage;
	/** Percent of the package that has arrived. */
	readonly percent: number;
	/** The device's own words where something went wrong. */
	readonly reason?: string;
}

export interface Snapshot {
	readonly presence: Presence;
	/** Why it is off or has restarted, in a few words. */
	readonly reason: string;
	readonly mac: string;
	/** Of the firmware that runs or ran last. */
	readonly version: string;
	readonly slots: readonly Slot[];
	readonly offer?: Offer;
	/** Bytes of the JavaScript machine: the peak, and what there is. */
	readonly memory?: { readonly used: number; readonly limit: number };
	/** A shell takes one of the two connections that a device has, so that it asks for no update meanwhile. */
	readonly shellOpen: boolean;
}

/** A line of the serial console. */
export interface LogLine {
	readonly number: number;
	readonly text: string;
}

export interface ActionEntry {
	readonly id: string;
	readonly name: string;
	readonly description: string;
}

export type ActionAnswer =
	| { readonly kind: "done"; readonly status: number; readonly output: string }
	| { readonly kind: "kept" }
	| { readonly kind: "failed" };
