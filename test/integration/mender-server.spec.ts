/**
 * The Mender test server judged by the shared facts, row by row (section 1), and by the recorded requests of the real clients.
 * If the facts or the server change, this fails: they cannot drift apart.
 */
import "../servers/mender/spec/authentication";
import "../servers/mender/spec/configuration";
import "../servers/mender/spec/deployments";
import "../servers/mender/spec/device-connect";
import "../servers/mender/spec/recordings";
