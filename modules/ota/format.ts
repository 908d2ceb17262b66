import { frozen } from "fleetling/frozen/frozen";

/** First byte of an application image (esp_app_format.h of ESP-IDF). */
export const imageMagic = 0xe9;
/** First word of its description, little-endian (esp_app_desc.h). */
export const descriptionMagic = 0xabcd5432;

/** esp_chip_id_t, for texts. */
const chips: Readonly<Record<number, string>> = frozen({
	0: "ESP32",
	2: "ESP32-S2",
	5: "ESP32-C3",
	9: "ESP32-S3",
	12: "ESP32-C2",
	13: "ESP32-C6",
	16: "ESP32-H2",
	18: "ESP32-P4",
	20: "ESP32-C61",
	23: "ESP32-C5",
});

/** What people call the chip with that number. */
export function chipName(chip: number): string {
	return chips[chip] ?? `chip number ${chip}`;
}
