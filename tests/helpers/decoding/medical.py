"""DICOM files made for tests, of samples and tags."""

import io

import numpy as np


def dicom(samples: np.ndarray, stored: int = 12, syntax: str = "ExplicitVRLittleEndian", **tags: object) -> bytes:
    """A DICOM file of these samples."""
    import pydicom  # an extra, which may be missing

    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = getattr(pydicom.uid, syntax)
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    file.PatientName = "Somebody"
    file.Rows, file.Columns = samples.shape[:2]
    file.SamplesPerPixel = 1 if samples.ndim == 2 else 3
    file.PhotometricInterpretation = "MONOCHROME2" if samples.ndim == 2 else "RGB"
    if samples.ndim == 3:
        file.PlanarConfiguration = 0
    file.BitsAllocated = 8 * samples.itemsize
    file.BitsStored, file.HighBit = stored, stored - 1
    file.PixelRepresentation = int(samples.dtype.kind == "i")
    for name, value in tags.items():
        setattr(file, name, value)
    big = syntax == "ExplicitVRBigEndian"
    raw = samples.astype(samples.dtype.newbyteorder(">" if big else "<")).tobytes()
    file.PixelData = raw + bytes(len(raw) % 2)
    file["PixelData"].VR = "OW" if samples.itemsize == 2 else "OB"
    if syntax == "RLELossless":
        file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        file.compress(pydicom.uid.RLELossless)
    out = io.BytesIO()
    file.save_as(out, enforce_file_format=True)
    return out.getvalue()
