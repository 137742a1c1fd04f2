"""Parametrised circuits on state vectors, and networks built from them: quanvolution, QCNN, classifiers, plateaus."""
