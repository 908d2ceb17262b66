/** Takes the place of the ESP32's natives in tests of its firmware. */
export default { rollbackPossible: (): boolean => true };
