/** dicom-parser as an ES module. */

import { taken } from "./amd.js";
import "../../vendor/dicom-parser-1.8.21/dicomParser.min.js";

export default taken();
